package io.ashlar.model;

import io.ashlar.compute.PageLayout;

/**
 * What a layer computes besides its weights. Rows of different models go through a block together only when its shape is
 * the same for both.
 */
public record LayerShape(
        int hiddenSize,
        int intermediateSize,
        int heads,
        int kvHeads,
        int headDim,
        float normEpsilon,
        double rotaryTheta,
        RotaryScaling rotaryScaling) {
    public PageLayout pages() {
        return new PageLayout(kvHeads, headDim);
    }

    /** Floats of one row's queries. */
    public int queryWidth() {
        return heads * headDim;
    }

    /** Floats of one row's keys, or of its values. */
    public int keyWidth() {
        return kvHeads * headDim;
    }
}
