/** The ledger: one row per request, exactly once, through a journal on local disk. */
@NullMarked
package io.ashlar.usage;

import org.jspecify.annotations.NullMarked;
