package io.ashlar.access;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * A service whose methods ask their {@link Actor} before they answer. Those without one are for Ashlar's own work: the doors may
 * not call them, and a test of the architecture holds that.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.CLASS)
public @interface Guarded {}
