package io.ashlar.console;

import java.time.Duration;

/**
 * What bounds a session of the console beside the idle time, which the servlet container keeps.
 *
 * @param longest that one lasts
 */
public record ConsoleLimits(Duration longest) {}
