/** Checkpoint formats: Hugging Face folders and safetensors. */
@NullMarked
package io.ashlar.model.format;

import org.jspecify.annotations.NullMarked;
