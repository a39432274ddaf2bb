package io.ashlar.app;

import io.ashlar.catalog.Secrets;
import io.ashlar.identity.Vault;

/** The vault, as the catalog knows it. */
record VaultSecrets(Vault vault) implements Secrets {
    @Override
    public byte[] hide(String purpose, String secret) {
        return vault.encrypt(purpose, secret);
    }

    @Override
    public String reveal(String purpose, byte[] hidden) {
        return vault.decrypt(purpose, hidden);
    }
}
