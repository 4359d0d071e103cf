-- Run once, when PostgreSQL makes its data folder: the key store (recognition/vault/store.py).
CREATE DATABASE facesite_keys;
