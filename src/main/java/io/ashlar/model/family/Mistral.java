package io.ashlar.model.family;

import io.ashlar.model.Fields;
import io.ashlar.model.LayerShape;

/** Mistral: Llama whose attention may slide over the last positions only. */
final class Mistral extends Decoder {
    Mistral() {
        super("mistral");
    }

    @Override
    LayerShape shape(Fields f, int layer, LayerShape common) {
        return common.with(window(f, layer, true), common.rotary());
    }
}
