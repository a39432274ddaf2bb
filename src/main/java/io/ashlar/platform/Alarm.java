package io.ashlar.platform;

/**
 * Something that an administrator should know now.
 *
 * @param name the same as long as it is the same thing
 * @param text what it is and what it means
 */
public record Alarm(String name, String text) {}
