/**
 * Which rows go into the next step: the {@link io.ashlar.scheduler.Scheduler} fills it in the order of a
 * {@link io.ashlar.scheduler.Policy}. Pure: no I/O, no threads, no clock of its own.
 */
@NullMarked
package io.ashlar.scheduler;

import org.jspecify.annotations.NullMarked;
