/** Who acts, in which role, and what that role may do. */
@NullMarked
package io.ashlar.access;

import org.jspecify.annotations.NullMarked;
