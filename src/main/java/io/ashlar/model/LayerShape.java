package io.ashlar.model;

import io.ashlar.compute.Activation;
import io.ashlar.compute.Attention;
import io.ashlar.compute.PageLayout;
import io.ashlar.compute.PageType;
import org.jspecify.annotations.Nullable;

/**
 * What a layer computes besides its weights. Rows of different models go through a block together only when its shape is
 * the same for both.
 *
 * @param intermediateSize of the feed-forward, or of each expert
 * @param experts null: the feed-forward is one
 */
public record LayerShape(
        int hiddenSize,
        int intermediateSize,
        int kvHeads,
        int headDim,
        float normEpsilon,
        Rotary rotary,
        Attention attention,
        Activation activation,
        @Nullable ExpertShape experts) {
    public int heads() {
        return attention.heads();
    }

    public PageLayout pages(PageType type) {
        return new PageLayout(kvHeads, headDim, type);
    }

    /** Floats of one row's queries. */
    public int queryWidth() {
        return heads() * headDim;
    }

    /** Floats of one row's keys, or of its values. */
    public int keyWidth() {
        return kvHeads * headDim;
    }

    /** This shape with another window and rotary embedding: what differs among the layers of one model. */
    public LayerShape with(int window, Rotary other) {
        return new LayerShape(
                hiddenSize,
                intermediateSize,
                kvHeads,
                headDim,
                normEpsilon,
                other,
                new Attention(heads(), attention.scale(), window, attention.softcap()),
                activation,
                experts);
    }
}
