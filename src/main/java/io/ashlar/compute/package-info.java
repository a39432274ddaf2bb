/** Devices, buffers and kernels. Nothing here knows a model; shapes and units are in every signature. */
@NullMarked
package io.ashlar.compute;

import org.jspecify.annotations.NullMarked;
