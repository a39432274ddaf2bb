/** The API door: routing, security, errors, request ids. */
@NullMarked
package io.ashlar.api;

import org.jspecify.annotations.NullMarked;
