/** What administrators set up, as a file: read, compared with what is, applied, written. */
@NullMarked
package io.ashlar.blueprint;

import org.jspecify.annotations.NullMarked;
