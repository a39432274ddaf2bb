package io.ashlar.compute;

import io.ashlar.compute.cpu.CpuDevice;
import io.ashlar.compute.cuda.CudaDevice;
import io.ashlar.compute.cuda.EmulatedGpu;
import io.ashlar.compute.cuda.NvidiaDriver;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.opentest4j.TestAbortedException;

/**
 * The device that tests of the engine run on, by the system property {@code ashlar.test.device}: {@code cpu}, {@code emulated}
 * (the CUDA sources as plain C++) or {@code cuda} (the first GPU).
 */
public final class TestDevices {
    private static final long MEMORY = 512L << 20;

    private TestDevices() {}

    private static String kind() {
        return System.getProperty("ashlar.test.device", "cpu");
    }

    public static Device open() {
        return switch (kind()) {
            case "cpu" -> new CpuDevice(2);
            case "emulated" -> EmulatedGpu.device("cuda:0", MEMORY);
            case "cuda" -> new CudaDevice("cuda:0", NvidiaDriver.load().open(0), 0, MEMORY);
            default -> throw new IllegalArgumentException("ashlar.test.device is " + kind());
        };
    }

    /** A device that runs the CUDA kernels: the first GPU where tests run on it, else the emulation where its sources are. */
    public static Optional<Device> cuda() {
        if (kind().equals("cuda")) {
            return Optional.of(open());
        }
        if (!Files.exists(Path.of("src", "test", "cuda", "build"))) {
            return Optional.empty();
        }
        try {
            return Optional.of(EmulatedGpu.device("cuda:0", MEMORY));
        } catch (TestAbortedException e) {
            return Optional.empty();
        }
    }

    /** Whether products are of halves. */
    public static boolean computesInHalves() {
        return !kind().equals("cpu");
    }
}
