package io.ashlar.model;

import io.ashlar.compute.Activations;
import io.ashlar.compute.Rows;
import java.util.List;
import java.util.Map;

/** An architecture: how its checkpoints are read and cut into blocks, and what each block computes. */
public interface Family {
    /** The {@code model_type} of its config.json. */
    String name();

    ModelConfig config(Fields config);

    /** The chain from the embedding to the head, in order of depth. */
    List<BlockPlan> blocks(ModelConfig config);

    /** The checkpoint's name of the projection that an adapter may change, by role, without layer prefix and suffix. */
    Map<String, String> adaptable();

    /** The checkpoint's name of a layer's projection, such as {@code model.layers.3.self_attn.q_proj}. */
    String adaptableSource(int layer, String role);

    void layer(Pass pass, Rows rows, int layer, LayerShape shape, Weights weights);

    /** {@code logits[i, :]} of the normed rows. */
    default void head(Pass pass, Rows rows, Weights weights, Activations logits) {
        pass.kernels().project(pass.normed(), rows, List.of(weights.get("weight")), logits, false);
    }

    default void embed(Pass pass, Rows rows, Weights weights) {
        pass.kernels().embed(weights.get("weight"), pass.tokens(), rows, pass.hidden());
    }

    default void norm(Pass pass, Rows rows, LayerShape shape, Weights weights) {
        pass.kernels().rmsNorm(pass.hidden(), rows, weights.get("weight"), shape.normEpsilon(), pass.normed());
    }

    /** The family of a {@code model_type}. */
    static Family of(String name) {
        if (name.equals(Llama.NAME)) {
            return Llama.INSTANCE;
        }
        throw new CheckpointException("model_type '" + name + "' is not supported; supported is: " + Llama.NAME);
    }
}
