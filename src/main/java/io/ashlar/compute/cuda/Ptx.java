package io.ashlar.compute.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.zip.GZIPInputStream;

/** The compiled kernels in the jar: PTX, which the driver turns into machine code of its GPU. */
final class Ptx {
    /** {@code src/main/cuda/build} writes it, with the hash of its sources in the first line. */
    static final String RESOURCE = "kernels.ptx.gz";

    /** The least version of CUDA that a driver must speak to read it (PTX ISA 7.4). */
    static final int LEAST_CUDA = 11_040;

    /** The least compute capability that it is for. */
    static final int LEAST_MAJOR = 8;

    private Ptx() {}

    static byte[] load() {
        try (InputStream in = Ptx.class.getResourceAsStream(RESOURCE)) {
            if (in == null) {
                throw new CudaException("this build has no CUDA kernels (" + RESOURCE + ")");
            }
            byte[] text = new GZIPInputStream(in).readAllBytes();
            // The driver reads up to a zero.
            return Arrays.copyOf(text, text.length + 1);
        } catch (IOException e) {
            throw new UncheckedIOException(RESOURCE + " cannot be read", e);
        }
    }
}
