/**
 * An engine that computes nothing: the real scheduler and policies over a virtual clock and a cost model, so that an hour of
 * traffic takes seconds.
 */
@NullMarked
package io.ashlar.simulator;

import org.jspecify.annotations.NullMarked;
