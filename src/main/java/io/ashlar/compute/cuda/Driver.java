package io.ashlar.compute.cuda;

import java.util.List;

/** The CUDA driver of this machine. */
public interface Driver {
    /** The version of CUDA that it speaks, as the driver gives it: 1000 * major + 10 * minor. */
    int version();

    /** The GPUs that it shows, by ordinal. */
    List<GpuProperties> gpus();

    /** @throws CudaException if the GPU cannot be used */
    Gpu open(int ordinal);
}
