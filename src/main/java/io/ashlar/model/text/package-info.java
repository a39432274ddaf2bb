/** Text in and out: tokenizer, chat template, incremental detokenisation, stop strings. */
@NullMarked
package io.ashlar.model.text;

import org.jspecify.annotations.NullMarked;
