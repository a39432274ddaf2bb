/** Limits on what a tenant may have in flight. */
@NullMarked
package io.ashlar.quota;

import org.jspecify.annotations.NullMarked;
