/** Puts the process together: typed configuration, the parent context and its two doors, first start, draining. */
@NullMarked
package io.ashlar.app;

import org.jspecify.annotations.NullMarked;
