// The webcam, and every reason why there is none, in words.

import { Problem } from "./api.js";
import { gettext } from "./words.js";

/** Why the camera gives nothing, in words; to ask again does not help. */
export class CameraError extends Problem {}

/** Return a stream of the camera, or throw a CameraError. */
export async function camera({ width = 1280, height = 720 } = {}) {
  if (!globalThis.isSecureContext) {
    throw new CameraError(gettext("Browsers give the camera only to pages opened by https, or on the machine itself as http://localhost. Start Facesite with TLS=1 and open it by https."));
  }
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new CameraError(gettext("This browser gives pages no camera."));
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: false, video: { width: { ideal: width }, height: { ideal: height }, facingMode: "user" } });
  } catch (error) {
    console.warn(error);
    throw new CameraError(reason(error.name));
  }
}

/** Show in `video` what the camera sees, or throw a CameraError. */
export async function play(video, stream) {
  video.srcObject = stream;
  try {
    await video.play();
  } catch (error) {
    console.warn(error);
    throw new CameraError(gettext("The browser does not show what the camera sees. Allow this page to play videos, then try again."));
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
      return gettext("The camera could not be opened. Reload the page and try again.");
  }
}

/** Let go of the camera. */
export function release(stream) {
  stream?.getTracks().forEach((track) => track.stop());
}

/** Return what `video` shows as a JPEG file, at most `width` pixels wide; throw a CameraError if nothing. */
export async function frame(video, { width = Infinity, canvas = document.createElement("canvas"), name = "camera.jpg" } = {}) {
  if (!video.videoWidth) throw new CameraError(gettext("The camera gives no picture."));
  const scale = Math.min(1, width / video.videoWidth);
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(new File([blob], name, { type: "image/jpeg" })) : reject(new CameraError(gettext("The camera gives no picture.")))), "image/jpeg", 0.9);
  });
}
