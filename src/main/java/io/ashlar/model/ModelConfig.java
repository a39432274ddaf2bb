package io.ashlar.model;

import java.util.List;

/**
 * A model's numbers.
 *
 * @param embeddingScale embeddings are multiplied with it
 * @param logitSoftcap logits become {@code cap * tanh(logit / cap)}; 0: they stay
 * @param shapes of the layers, in order
 */
public record ModelConfig(
        String family,
        int vocabularySize,
        int contextLength,
        boolean tiedHead,
        float normEpsilon,
        float embeddingScale,
        float logitSoftcap,
        List<LayerShape> shapes) {
    public int layers() {
        return shapes.size();
    }

    public LayerShape layer(int layer) {
        return shapes.get(layer);
    }

    public int hiddenSize() {
        return shapes.getFirst().hiddenSize();
    }
}
