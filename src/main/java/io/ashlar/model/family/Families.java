package io.ashlar.model.family;

import io.ashlar.model.CheckpointException;
import io.ashlar.model.Family;
import java.util.List;

/** All families. */
public final class Families {
    private static final List<Family> ALL = List.of(
            new Llama(),
            new Mistral(),
            new Qwen2(),
            new Qwen3(),
            new Qwen3Moe(),
            new Mixtral(),
            new Gemma2(),
            new Gemma3(),
            new Phi3());

    private Families() {}

    public static Family of(String name) {
        for (Family family : ALL) {
            if (family.name().equals(name)) {
                return family;
            }
        }
        throw new CheckpointException(
                "model_type '" + name + "' is not supported; supported are: " + String.join(", ", names()));
    }

    public static List<String> names() {
        return ALL.stream().map(Family::name).toList();
    }
}
