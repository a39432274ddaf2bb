package io.ashlar.model;

/** A model's numbers. */
public record ModelConfig(
        String family, int vocabularySize, int layers, int contextLength, boolean tiedHead, LayerShape layer) {}
