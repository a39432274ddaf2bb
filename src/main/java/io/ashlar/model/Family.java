package io.ashlar.model;

import io.ashlar.compute.Activations;
import io.ashlar.compute.Rows;
import io.ashlar.model.family.Families;
import java.util.List;

/** An architecture: how its checkpoints are read and cut into blocks, and what each block computes. */
public interface Family {
    /** The projections of a layer that an adapter may change, in the order of their slots. */
    List<String> ADAPTABLE = List.of("q", "k", "v", "o", "gate", "up", "down");

    /** The {@code model_type} of its config.json. */
    String name();

    ModelConfig config(Fields config);

    /**
     * The chain from the embedding to the head, in order of depth.
     *
     * @param normsStoredWhole whether the checkpoint's norms need nothing added (GGUF), whatever the family
     */
    List<BlockPlan> blocks(ModelConfig config, boolean normsStoredWhole);

    /** The checkpoint's name of a layer's projection without suffix, such as {@code model.layers.3.self_attn.q_proj}. */
    String adaptableSource(int layer, String role);

    void layer(Pass pass, Rows rows, int layer, LayerShape shape, Weights weights);

    default void embed(Pass pass, Rows rows, ModelConfig config, Weights weights) {
        pass.kernels().embed(weights.matrix("weight"), pass.tokens(), rows, config.embeddingScale(), pass.hidden());
    }

    default void norm(Pass pass, Rows rows, ModelConfig config, Weights weights) {
        pass.kernels()
                .rmsNorm(pass.hidden(), rows, weights.vector("weight"), config.normEpsilon(), pass.normed(), false);
    }

    /** {@code logits[i, :]} of the normed rows. */
    default void head(Pass pass, Rows rows, ModelConfig config, Weights weights, Activations logits) {
        pass.kernels().project(pass.normed(), rows, weights.stack(HEAD), logits, false);
        if (config.logitSoftcap() > 0) {
            pass.kernels().softcap(logits, rows, config.vocabularySize(), config.logitSoftcap());
        }
    }

    List<String> HEAD = List.of("weight");

    /** The family of a {@code model_type}. */
    static Family of(String name) {
        return Families.of(name);
    }
}
