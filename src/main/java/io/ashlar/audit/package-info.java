/** Who changed what. */
@NullMarked
package io.ashlar.audit;

import org.jspecify.annotations.NullMarked;
