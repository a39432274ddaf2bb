package io.ashlar.model.family;

/** Llama 2 and 3: the plain case. */
final class Llama extends Decoder {
    Llama() {
        super("llama");
    }
}
