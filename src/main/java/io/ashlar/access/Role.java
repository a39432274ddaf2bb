package io.ashlar.access;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** What somebody is. The first two belong to the platform, the others to one tenant. */
public enum Role {
    PLATFORM_ADMINISTRATOR,
    PLATFORM_VIEWER,
    TENANT_ADMINISTRATOR,
    TENANT_DEVELOPER,
    TENANT_VIEWER;

    public boolean ofPlatform() {
        return this == PLATFORM_ADMINISTRATOR || this == PLATFORM_VIEWER;
    }

    /** Its name in settings and in the database. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Its name for people. */
    public String words() {
        return word().replace('_', ' ');
    }

    public static Optional<Role> of(String word) {
        return Arrays.stream(values()).filter(r -> r.word().equals(word)).findFirst();
    }

    public static String allWords() {
        return Arrays.stream(values()).map(Role::word).collect(Collectors.joining(", "));
    }
}
