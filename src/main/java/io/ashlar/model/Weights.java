package io.ashlar.model;

import io.ashlar.compute.Matrix;
import java.util.Map;

/** The tensors of one block on a device, by their role. */
public record Weights(Map<String, Matrix> tensors) {
    public Matrix get(String role) {
        Matrix matrix = tensors.get(role);
        if (matrix == null) {
            throw new IllegalArgumentException("the block has no tensor '" + role + "', only " + tensors.keySet());
        }
        return matrix;
    }
}
