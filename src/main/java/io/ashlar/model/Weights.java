package io.ashlar.model;

import io.ashlar.compute.Linear;
import io.ashlar.compute.Matrix;
import io.ashlar.compute.Vector;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** The tensors of one block on a device, by their role. */
public final class Weights {
    /** What the bias of a projection is called, after its role. */
    public static final String BIAS = "_bias";

    private final Map<String, Linear> linears = new HashMap<>();
    private final Map<String, Vector> vectors;
    private final Map<List<String>, List<Matrix>> matrixLists = new ConcurrentHashMap<>();
    private final Map<List<String>, List<Linear>> stacks = new ConcurrentHashMap<>();

    public Weights(Map<String, Matrix> matrices, Map<String, Vector> vectors) {
        this.vectors = Map.copyOf(vectors);
        matrices.forEach((role, matrix) -> linears.put(role, new Linear(matrix, vectors.get(role + BIAS))));
    }

    public Matrix matrix(String role) {
        return linear(role).weights();
    }

    private Linear linear(String role) {
        Linear linear = linears.get(role);
        if (linear == null) {
            throw new IllegalArgumentException("the block has no matrix '" + role + "', only " + linears.keySet());
        }
        return linear;
    }

    public Vector vector(String role) {
        Vector vector = vectors.get(role);
        if (vector == null) {
            throw new IllegalArgumentException("the block has no vector '" + role + "', only " + vectors.keySet());
        }
        return vector;
    }

    /** Null where the family has none. */
    public @Nullable Vector vectorOrNull(String role) {
        return vectors.get(role);
    }

    /** The matrices of some roles. */
    public List<Matrix> matrices(List<String> roles) {
        List<Matrix> found = matrixLists.get(roles);
        if (found == null) {
            found = roles.stream().map(this::matrix).toList();
            matrixLists.put(roles, found);
        }
        return found;
    }

    /** Projections of one input, as one product. */
    public List<Linear> stack(List<String> roles) {
        List<Linear> stack = stacks.get(roles);
        if (stack == null) {
            List<Linear> made = new ArrayList<>();
            roles.forEach(role -> made.add(linear(role)));
            stack = List.copyOf(made);
            stacks.put(roles, stack);
        }
        return stack;
    }
}
