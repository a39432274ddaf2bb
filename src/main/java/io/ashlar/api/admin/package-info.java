/** The admin API: limits, service classes, policies and prices; and what happened to a request, and why. */
@NullMarked
package io.ashlar.api.admin;

import org.jspecify.annotations.NullMarked;
