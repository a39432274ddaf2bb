/**
 * Computing on NVIDIA GPUs: {@link io.ashlar.compute.cuda.CudaDevice} over the driver ({@link io.ashlar.compute.cuda.Driver}),
 * with the kernels of {@code src/main/cuda}. Nothing but the driver library has to be installed.
 */
@NullMarked
package io.ashlar.compute.cuda;

import org.jspecify.annotations.NullMarked;
