package io.ashlar.console;

import java.time.Duration;

/**
 * What bounds a session of the console.
 *
 * @param idle after which one ends in which nothing was done
 * @param longest that one lasts
 */
public record ConsoleLimits(Duration idle, Duration longest) {}
