/** The OpenAI-compatible endpoints: parsing, generation, streaming. */
@NullMarked
package io.ashlar.api.openai;

import org.jspecify.annotations.NullMarked;
