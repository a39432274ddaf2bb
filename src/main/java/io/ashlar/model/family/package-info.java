/** The families of models, each in one file: how it differs from {@link io.ashlar.model.family.Decoder}. */
@NullMarked
package io.ashlar.model.family;

import org.jspecify.annotations.NullMarked;
