/** The CPU device: kernels on the Vector API and a fixed pool of workers. */
@NullMarked
package io.ashlar.compute.cpu;

import org.jspecify.annotations.NullMarked;
