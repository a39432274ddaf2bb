/** What a model is: its configuration, its family's blocks and forward pass, its page geometry. */
@NullMarked
package io.ashlar.model;

import org.jspecify.annotations.NullMarked;
