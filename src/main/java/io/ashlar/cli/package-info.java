/** The command line: one class a command. */
@NullMarked
package io.ashlar.cli;

import org.jspecify.annotations.NullMarked;
