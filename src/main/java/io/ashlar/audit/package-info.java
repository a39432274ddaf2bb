/** Who changed what: the log, its chain of hashes, and its table. */
@NullMarked
package io.ashlar.audit;

import org.jspecify.annotations.NullMarked;
