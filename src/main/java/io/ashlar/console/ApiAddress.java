package io.ashlar.console;

import org.jspecify.annotations.Nullable;

/** Where the API door of this process listens, once it does. */
public final class ApiAddress {
    private volatile @Nullable String url;

    public void set(String listening) {
        url = listening;
    }

    String url() {
        String known = url;
        if (known == null) {
            throw new IllegalStateException("the API door is not open yet");
        }
        return known;
    }
}
