/**
 * What tenants may use and what they are promised: limits and what is left of them, prices, service classes, and the lines in
 * which requests wait that could also be refused.
 */
@NullMarked
package io.ashlar.quota;

import org.jspecify.annotations.NullMarked;
