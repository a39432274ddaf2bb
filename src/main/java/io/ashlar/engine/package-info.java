/** The step loop of one device: sequences, page pool and prefix cache, chain walk, sampling. */
@NullMarked
package io.ashlar.engine;

import org.jspecify.annotations.NullMarked;
