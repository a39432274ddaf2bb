/** The CPU device: a fixed pool of workers, the native kernels of {@code src/main/c}, and the same on the Vector API. */
@NullMarked
package io.ashlar.compute.cpu;

import org.jspecify.annotations.NullMarked;
