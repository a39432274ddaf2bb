package io.ashlar.model.family;

import io.ashlar.model.Fields;
import io.ashlar.model.LayerShape;
import io.ashlar.model.Rotary;
import io.ashlar.model.RotaryScaling;

/** Gemma 3 (text): norms of heads instead of soft caps; five sliding layers with a rotary base of their own, one that is not. */
final class Gemma3 extends Gemma2 {
    Gemma3() {
        super("gemma3_text");
    }

    @Override
    boolean hasHeadNorms() {
        return true;
    }

    @Override
    double defaultTheta() {
        return 1_000_000;
    }

    @Override
    LayerShape shape(Fields f, int layer, LayerShape common) {
        int window = window(f, layer, (layer + 1) % f.positiveInt("sliding_window_pattern", 6) != 0);
        Rotary local = new Rotary(
                f.number("rope_local_base_freq", 10_000),
                new RotaryScaling.None(),
                common.rotary().dimensions());
        return common.with(window, window > 0 ? local : common.rotary());
    }
}
