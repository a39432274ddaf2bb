package io.ashlar.model.family;

import io.ashlar.compute.Activation;
import io.ashlar.model.Fields;
import io.ashlar.model.LayerShape;

/** Gemma 2: soft caps on scores and logits, norms around each sub-layer, every other layer slides, scaled embeddings. */
class Gemma2 extends Decoder {
    Gemma2() {
        this("gemma2");
    }

    Gemma2(String name) {
        super(name);
    }

    @Override
    Activation activation(Fields f) {
        String given = f.has("hidden_activation") ? "hidden_activation" : "hidden_act";
        if (f.has(given) && !f.text(given).equals("gelu_pytorch_tanh")) {
            throw f.wrong(given, "gelu_pytorch_tanh");
        }
        return Activation.GELU_TANH;
    }

    @Override
    float attentionScale(Fields f, int headDim) {
        return (float) (1 / Math.sqrt(f.number("query_pre_attn_scalar", headDim)));
    }

    @Override
    LayerShape shape(Fields f, int layer, LayerShape common) {
        return common.with(window(f, layer, layer % 2 == 0), common.rotary());
    }

    @Override
    float embeddingScale(Fields f) {
        return (float) Math.sqrt(f.positiveInt("hidden_size"));
    }

    @Override
    boolean tiedByDefault() {
        return true;
    }

    @Override
    boolean hasPostNorms() {
        return true;
    }

    @Override
    boolean normsLackOne() {
        return true;
    }
}
