/** Ashlar: the entry point and the command line. Every other concern is a package below; ArchitectureTest holds their dependencies. */
@NullMarked
package io.ashlar;

import org.jspecify.annotations.NullMarked;
