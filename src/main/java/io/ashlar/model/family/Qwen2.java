package io.ashlar.model.family;

import io.ashlar.model.Fields;
import io.ashlar.model.LayerShape;

/** Qwen 2 and 2.5: biases of q, k and v; layers from {@code max_window_layers} on may slide. */
final class Qwen2 extends Decoder {
    Qwen2() {
        super("qwen2");
    }

    @Override
    boolean hasAttentionBias() {
        return true;
    }

    @Override
    LayerShape shape(Fields f, int layer, LayerShape common) {
        boolean slides = f.flag("use_sliding_window", false) && layer >= f.positiveInt("max_window_layers", 28);
        return slides ? common.with(window(f, layer, true), common.rotary()) : common;
    }
}
