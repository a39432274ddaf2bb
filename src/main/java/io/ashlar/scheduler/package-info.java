/** Which rows go into the next step. Pure: no I/O, no threads, no clock of its own. */
@NullMarked
package io.ashlar.scheduler;

import org.jspecify.annotations.NullMarked;
