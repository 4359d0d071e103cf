// The webcam, and every reason why there is none, in words.

import { gettext } from "./words.js";

/** Return a stream of the camera, or throw an Error whose message a person understands. */
export async function camera({ width = 1280, height = 720 } = {}) {
  if (!globalThis.isSecureContext) {
    throw new Error(gettext("Browsers give the camera only to pages opened by https, or on the machine itself as http://localhost. Start Facesite with TLS=1 and open it by https."));
  }
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Error(gettext("This browser gives pages no camera."));
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: false, video: { width: { ideal: width }, height: { ideal: height }, facingMode: "user" } });
  } catch (error) {
    throw new Error(reason(error.name), { cause: error });
  }
}

function reason(name) {
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return gettext("The camera was refused. Allow it in the browser's address bar, then try again.");
    case "NotFoundError":
    case "OverconstrainedError":
      return gettext("No camera was found. Connect one, then try again.");
    case "NotReadableError":
    case "AbortError":
      return gettext("The camera is used by another program. Close that one, then try again.");
    default:
      return gettext("The camera could not be opened.");
  }
}

/** Let go of the camera. */
export function release(stream) {
  stream?.getTracks().forEach((track) => track.stop());
}

/** Return what `video` shows as a JPEG file, at most `width` pixels wide. */
export function frame(video, { width = Infinity, canvas = document.createElement("canvas"), name = "camera.jpg" } = {}) {
  const scale = Math.min(1, width / video.videoWidth);
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(new File([blob], name, { type: "image/jpeg" })) : reject(new Error(gettext("The camera gives no picture.")))), "image/jpeg", 0.9);
  });
}
