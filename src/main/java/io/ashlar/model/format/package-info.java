/** Checkpoint formats: Hugging Face folders with safetensors, and GGUF files; one face for all of them. */
@NullMarked
package io.ashlar.model.format;

import org.jspecify.annotations.NullMarked;
