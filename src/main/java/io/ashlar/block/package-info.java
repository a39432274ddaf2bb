/** The block zoo: weights in content-addressed blocks, each stored and mapped once. */
@NullMarked
package io.ashlar.block;

import org.jspecify.annotations.NullMarked;
