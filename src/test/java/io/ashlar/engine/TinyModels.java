package io.ashlar.engine;

import io.ashlar.compute.DType;
import java.io.IOException;
import java.nio.file.Path;

/** Random tiny models for tests of other rooms. */
public final class TinyModels {
    private TinyModels() {}

    public static Path write(String architecture, DType type, Path folder) throws IOException {
        return new TinyModel(architecture, type).write(folder);
    }
}
